"""How instruments and a mouse behave: physics, firmware, faults, virtual time. Never imports a driver's codec."""
