-- How many units passing the filter have a feature row on a date, how many are ready, how many only stale.
-- A unit without a context row passes. Of several rows of a unit one ready and fresh row is enough.
-- Parameters: fresh_since, game_date, game_date, min_minutes.
SELECT
  COUNT(*) AS feature_rows,
  COALESCE(SUM(is_ready), 0) AS ready,
  COALESCE(SUM(CASE WHEN is_marked = 1 AND is_ready = 0 THEN 1 ELSE 0 END), 0) AS stale,
  COUNT(DISTINCT quality_score) AS quality_scores_distinct,
  MAX(updated_at) AS newest_feature_at
FROM (
  SELECT
    f.player_lookup,
    MAX(CASE WHEN f.is_production_ready AND f.updated_at >= ? THEN 1 ELSE 0 END) AS is_ready,
    MAX(CASE WHEN f.is_production_ready THEN 1 ELSE 0 END) AS is_marked,
    MAX(f.feature_quality_score) AS quality_score,
    MAX(f.updated_at) AS updated_at
  FROM nba_predictions.ml_feature_store_v2 AS f
  LEFT JOIN nba_analytics.upcoming_player_game_context AS c
    ON c.game_date = ? AND c.player_lookup = f.player_lookup
  WHERE f.game_date = ? AND f.player_lookup > ''
    AND (c.avg_minutes_per_game_last_7 IS NULL OR c.avg_minutes_per_game_last_7 >= ?)
  GROUP BY f.player_lookup
) AS units
