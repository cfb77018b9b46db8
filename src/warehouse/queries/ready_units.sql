-- One page of ready units passing the filter, by name. A unit with several rows comes several times, the row to
-- use first: its context of the same game, its newest features.
-- Parameters: game_date, game_date, player_lookup to start after, fresh_since, min_minutes, rows.
SELECT
  f.player_lookup,
  COALESCE(f.game_id, c.game_id) AS game_id,
  c.team_abbr,
  c.opponent_team_abbr,
  c.home_game,
  c.avg_minutes_per_game_last_7,
  c.has_prop_line,
  c.current_points_line
FROM nba_predictions.ml_feature_store_v2 AS f
LEFT JOIN nba_analytics.upcoming_player_game_context AS c
  ON c.game_date = ? AND c.player_lookup = f.player_lookup
WHERE f.game_date = ? AND f.player_lookup > ?
  AND f.is_production_ready AND f.updated_at >= ?
  AND (c.avg_minutes_per_game_last_7 IS NULL OR c.avg_minutes_per_game_last_7 >= ?)
ORDER BY f.player_lookup, CASE WHEN c.game_id = f.game_id THEN 0 ELSE 1 END, f.updated_at DESC, c.game_id
LIMIT ?
