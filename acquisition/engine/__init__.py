"""What decides while it runs: schedule, gatekeeper, lanes, ledger, guards, alarms, conductor. No threads, no clocks."""
