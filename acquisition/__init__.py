"""The experiment: rig, schedule, safety, dose ledger, recording, the engine process."""
