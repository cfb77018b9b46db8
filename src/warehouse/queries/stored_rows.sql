-- One page of the units of a date with an active prediction row, by name, with when the first was written.
-- Parameters: game_date, player_lookup to start after, units.
SELECT player_lookup, MIN(created_at) AS created_at
FROM nba_predictions.player_prop_predictions
WHERE game_date = ? AND player_lookup > ? AND is_active
GROUP BY player_lookup
ORDER BY player_lookup
LIMIT ?
