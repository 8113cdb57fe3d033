"""Outlet: subscribers, what each gets, and its delivery: every dispatch, in order, once."""
