"""Wire messages to values and back; every refusal of what comes from the wire is an InvalidRequest naming the field.

Each kind of value has a module, which is imported by name: a command pays for those that it uses.
"""
