-- How the quality scores of the units passing the filter spread on a date, in ten-point buckets named by their
-- lowest score; 100 is in the bucket of 90, units without a score are in none.
-- Parameters: game_date, game_date, min_minutes.
SELECT bucket, COUNT(*) AS units
FROM (
  SELECT
    f.player_lookup,
    CASE
      WHEN MAX(f.feature_quality_score) >= 90 THEN 90
      WHEN MAX(f.feature_quality_score) >= 80 THEN 80
      WHEN MAX(f.feature_quality_score) >= 70 THEN 70
      WHEN MAX(f.feature_quality_score) >= 60 THEN 60
      WHEN MAX(f.feature_quality_score) >= 50 THEN 50
      WHEN MAX(f.feature_quality_score) >= 40 THEN 40
      WHEN MAX(f.feature_quality_score) >= 30 THEN 30
      WHEN MAX(f.feature_quality_score) >= 20 THEN 20
      WHEN MAX(f.feature_quality_score) >= 10 THEN 10
      ELSE 0
    END AS bucket
  FROM nba_predictions.ml_feature_store_v2 AS f
  LEFT JOIN nba_analytics.upcoming_player_game_context AS c
    ON c.game_date = ? AND c.player_lookup = f.player_lookup
  WHERE f.game_date = ? AND f.player_lookup > '' AND f.feature_quality_score IS NOT NULL
    AND (c.avg_minutes_per_game_last_7 IS NULL OR c.avg_minutes_per_game_last_7 >= ?)
  GROUP BY f.player_lookup
) AS units
GROUP BY bucket
ORDER BY bucket
