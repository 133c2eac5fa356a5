"""What the window of a recording shows, without Qt: times, lines, tracks, annotations, results."""
