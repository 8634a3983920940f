mock_provider "aws" {}

variables {
  queue_name  = "hearth-test-events"
  cluster_arn = "arn:aws:ecs:us-east-1:111122223333:cluster/hearth-test"
}

run "queue" {
  assert {
    condition     = aws_sqs_queue.this.sqs_managed_sse_enabled && aws_sqs_queue.this.message_retention_seconds <= 300
    error_message = "events carry tasks' tokens: they are encrypted, and not kept"
  }
  assert {
    condition     = jsondecode(aws_cloudwatch_event_rule.this.event_pattern).detail.clusterArn == [var.cluster_arn]
    error_message = "only this cluster's events"
  }
  assert {
    condition     = alltrue([for each in jsondecode(aws_sqs_queue_policy.this.policy).Statement : each.Effect == "Deny" || (each.Principal == { Service = "events.amazonaws.com" } && each.Condition.ArnEquals["aws:SourceArn"] == aws_cloudwatch_event_rule.this.arn)])
    error_message = "only this rule may send"
  }
}
