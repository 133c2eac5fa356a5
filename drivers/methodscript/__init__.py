"""PalmSens MethodSCRIPT potentiostats: EmStat Pico, EmStat4 and relatives."""
