# The queue, once events come into it.
output "queue_url" {
  value      = aws_sqs_queue.this.url
  depends_on = [aws_sqs_queue_policy.this, aws_cloudwatch_event_target.this]
}
