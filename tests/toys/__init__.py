"""Small netlists, circuits and twins that many tests share."""
