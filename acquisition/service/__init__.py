"""The engine as a process: start, find, serve clients, end. Decides nothing about pumps but the way of a STOP."""
