"""Every figure: functions take data frames and arrays and return a Matplotlib figure."""
