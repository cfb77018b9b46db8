-- Brings the service's own row of a run up to date.
-- Parameters: status, records_processed, started_at, processed_at, trigger_source, duration_seconds, summary,
-- data_date, processor_name, run_id.
UPDATE nba_reference.processor_run_history
SET status = ?, records_processed = ?, started_at = ?, processed_at = ?, trigger_source = ?, duration_seconds = ?,
  summary = ?
WHERE data_date = ? AND processor_name = ? AND run_id = ?
