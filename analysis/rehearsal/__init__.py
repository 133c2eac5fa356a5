"""What a rehearsal found: facts without words, and the words, pages and files that tell them."""
