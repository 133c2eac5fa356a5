"""Studies run and read by several processes: rehearsed whole, and every session read without knowing its group."""
