"""The rows of the route table, a file per area; `http/table.py` puts them together."""
