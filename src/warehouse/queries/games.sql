-- The games the context table knows on a date.
-- Parameters: game_date.
SELECT DISTINCT game_id
FROM nba_analytics.upcoming_player_game_context
WHERE game_date = ? AND game_id > ''
ORDER BY game_id
