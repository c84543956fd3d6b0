"""Headgate, the AI platform a company runs itself."""

__version__ = "0.1.0"
