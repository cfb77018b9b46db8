-- Brings the service's own rows of one or several runs up to date, adding those that are not there. The embedded
-- warehouse has update_run.sql and an insert in its place: SQLite knows no MERGE.
-- Parameters: the rows as a JSON array of objects, the first data_date, the last data_date.
MERGE nba_reference.processor_run_history AS t
USING (
  SELECT
    JSON_VALUE(v, '$.processor_name') AS processor_name,
    JSON_VALUE(v, '$.run_id') AS run_id,
    CAST(JSON_VALUE(v, '$.data_date') AS DATE) AS data_date,
    JSON_VALUE(v, '$.status') AS status,
    CAST(JSON_VALUE(v, '$.records_processed') AS INT64) AS records_processed,
    CAST(JSON_VALUE(v, '$.started_at') AS TIMESTAMP) AS started_at,
    CAST(JSON_VALUE(v, '$.processed_at') AS TIMESTAMP) AS processed_at,
    JSON_VALUE(v, '$.triggered_by') AS triggered_by,
    JSON_VALUE(v, '$.trigger_source') AS trigger_source,
    CAST(JSON_VALUE(v, '$.duration_seconds') AS FLOAT64) AS duration_seconds,
    JSON_VALUE(v, '$.phase') AS phase,
    JSON_VALUE(v, '$.summary') AS summary
  FROM UNNEST(JSON_QUERY_ARRAY(?)) AS v
) AS r
ON t.data_date BETWEEN ? AND ?
  AND t.data_date = r.data_date AND t.processor_name = r.processor_name AND t.run_id = r.run_id
WHEN MATCHED THEN UPDATE SET
  status = r.status, records_processed = r.records_processed, started_at = r.started_at,
  processed_at = r.processed_at, trigger_source = r.trigger_source, duration_seconds = r.duration_seconds,
  summary = PARSE_JSON(r.summary)
WHEN NOT MATCHED THEN INSERT
  (processor_name, run_id, data_date, status, records_processed, started_at, processed_at, triggered_by,
   trigger_source, duration_seconds, phase, summary)
VALUES
  (r.processor_name, r.run_id, r.data_date, r.status, r.records_processed, r.started_at, r.processed_at,
   r.triggered_by, r.trigger_source, r.duration_seconds, r.phase, PARSE_JSON(r.summary))
