"""What the notebooks use besides: exercises that check themselves, and a widget."""
