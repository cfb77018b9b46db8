-- The daily health check, of BigQuery: one row a night, the nights on which nothing was written included.
-- Ask it with the first and the last game date:
--   bq query --use_legacy_sql=false --parameter=first_date:DATE:2026-01-05 --parameter=last_date:DATE:2026-01-11
-- daily-health-check.sql is the same for the embedded warehouse; one test holds both to the same rows.
WITH
  -- The nights come from this list and not from a table, so that none is missing because nobody wrote of it.
  nights AS (
    SELECT game_date FROM UNNEST(GENERATE_DATE_ARRAY(@first_date, @last_date)) AS game_date
  ),
  upstream AS (
    SELECT data_date, MAX(processed_at) AS done_at
    FROM nba_reference.processor_run_history
    WHERE data_date BETWEEN @first_date AND @last_date
      AND processor_name IN ('ml_feature_store_v2', 'MLFeatureStoreProcessor')
      AND status IN ('success', 'partial')
    GROUP BY data_date
  ),
  -- The service's own row, one a run; another handoff writes its own, under its own id.
  runs AS (
    SELECT
      data_date,
      trigger_source,
      TIMESTAMP(JSON_VALUE(summary, '$.upstream_finished_at')) AS upstream_finished_at,
      TIMESTAMP(JSON_VALUE(summary, '$.dispatched_at')) AS dispatched_at,
      CAST(JSON_VALUE(summary, '$.expected') AS INT64) AS expected,
      JSON_VALUE(summary, '$.state') AS state,
      JSON_VALUE(summary, '$.verdict') AS verdict
    FROM nba_reference.processor_run_history
    WHERE data_date BETWEEN @first_date AND @last_date
      AND processor_name = 'phase5_coordinator'
      AND run_id LIKE 'phase4-to-phase5/%'
  ),
  listed AS (
    SELECT game_date, COUNT(DISTINCT player_lookup) AS expected
    FROM nba_analytics.upcoming_player_game_context
    WHERE game_date BETWEEN @first_date AND @last_date
      AND player_lookup > ''
      AND (avg_minutes_per_game_last_7 IS NULL OR avg_minutes_per_game_last_7 >= 15)
    GROUP BY game_date
  ),
  predictions AS (
    SELECT game_date, COUNT(DISTINCT player_lookup) AS predicted
    FROM nba_predictions.player_prop_predictions
    WHERE game_date BETWEEN @first_date AND @last_date
      AND is_active
    GROUP BY game_date
  )
SELECT
  nights.game_date,
  COALESCE(runs.upstream_finished_at, upstream.done_at) AS upstream_done_at,
  runs.dispatched_at AS started_at,
  CASE WHEN runs.dispatched_at IS NOT NULL THEN runs.trigger_source END AS started_by,
  CAST(ROUND(TIMESTAMP_DIFF(
    runs.dispatched_at, COALESCE(runs.upstream_finished_at, upstream.done_at), MILLISECOND
  ) / 1000) AS INT64) AS latency_seconds,
  COALESCE(predictions.predicted, 0) AS predicted,
  COALESCE(runs.expected, listed.expected, 0) AS expected,
  CASE
    WHEN runs.data_date IS NULL THEN 'nothing recorded'
    WHEN runs.verdict IS NULL THEN runs.state
    ELSE runs.verdict
  END AS verdict
FROM nights
LEFT JOIN upstream ON upstream.data_date = nights.game_date
LEFT JOIN runs ON runs.data_date = nights.game_date
LEFT JOIN listed ON listed.game_date = nights.game_date
LEFT JOIN predictions ON predictions.game_date = nights.game_date
ORDER BY nights.game_date
