"""The bindings of the mutations: each function turns arguments into plain values and calls one resolver."""
