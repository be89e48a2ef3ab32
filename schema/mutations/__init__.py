"""What clients can do: each function turns arguments into plain values and calls one resolver."""
