"""Parts of the window of a recording: thin, they show what the presenters say."""
