"""An upstream that speaks the vendors' wire formats, for tests, demos and load tests."""

from headgate.simulate.app import create_app
from headgate.simulate.options import VENDORS, Fault, SimulatorOptions, parse_fault

__all__ = ["VENDORS", "Fault", "SimulatorOptions", "create_app", "parse_fault"]
