"""From a recorded beaker to a sensor's slope: pure functions over arrays, no files, no screens."""
