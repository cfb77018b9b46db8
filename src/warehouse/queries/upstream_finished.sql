-- When the upstream finished a date under one of its names; null when it has not.
-- Parameters: data_date, processor_name.
SELECT MAX(processed_at) AS finished_at
FROM nba_reference.processor_run_history
WHERE data_date = ? AND processor_name = ? AND status IN ('success', 'partial')
