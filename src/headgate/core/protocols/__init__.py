"""The vendors' wire formats, as a server speaks them.

The drop-in routes and the simulator answer in the same words, so the words stand here once.
"""
