"""What the agent remembers: written by the control path, read by the data path."""
