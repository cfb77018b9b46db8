-- The units of a date with an active prediction row, from one name to another, both included.
-- Parameters: game_date, player_lookup from, player_lookup to.
SELECT DISTINCT player_lookup
FROM nba_predictions.player_prop_predictions
WHERE game_date = ? AND player_lookup >= ? AND player_lookup <= ? AND is_active
