"""Random experiments with random faults in virtual time, each judged by what really reached the animal."""
