"""New Era NE-1000 family and WPI Aladdin syringe pumps."""
