"""What is kept: the journal (the truth), the live NWB view of it, verification and recovery."""
