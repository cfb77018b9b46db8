-- Adds prediction rows; one that is there already, by its id, stays as it is. Embedded warehouse only.
-- Parameters: the rows as a JSON array of objects.
INSERT INTO nba_predictions.player_prop_predictions
  (prediction_id, system_id, player_lookup, game_date, game_id, is_active, created_at)
SELECT
  v.value ->> 'prediction_id',
  v.value ->> 'system_id',
  v.value ->> 'player_lookup',
  v.value ->> 'game_date',
  v.value ->> 'game_id',
  v.value ->> 'is_active',
  v.value ->> 'created_at'
FROM json_each(?) AS v
WHERE NOT EXISTS (
  SELECT 1
  FROM nba_predictions.player_prop_predictions AS p
  WHERE p.game_date = v.value ->> 'game_date'
    AND p.player_lookup = v.value ->> 'player_lookup'
    AND p.prediction_id = v.value ->> 'prediction_id'
)
