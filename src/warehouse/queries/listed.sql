-- How many listed units pass the minutes filter on a date and how many it takes out; missing minutes pass.
-- Parameters: min_minutes, game_date.
SELECT
  COALESCE(SUM(passes), 0) AS expected,
  COALESCE(SUM(1 - passes), 0) AS filtered
FROM (
  SELECT
    player_lookup,
    MAX(CASE WHEN avg_minutes_per_game_last_7 IS NULL OR avg_minutes_per_game_last_7 >= ? THEN 1 ELSE 0 END) AS passes
  FROM nba_analytics.upcoming_player_game_context
  WHERE game_date = ? AND player_lookup > ''
  GROUP BY player_lookup
) AS listed
