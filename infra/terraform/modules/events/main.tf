# ECS's state changes, by EventBridge into a queue that one gateway reads: it knows of a task's death within a second, instead
# of with its next look.

terraform {
  required_providers {
    aws = { source = "hashicorp/aws", version = "~> 6.25" }
  }
}

# An event has what its task was started with, and so its token: the queue is encrypted, and keeps nothing for long.
resource "aws_sqs_queue" "this" {
  name                       = var.queue_name
  sqs_managed_sse_enabled    = true
  message_retention_seconds  = 300 # what is older, the gateway has found out by itself
  visibility_timeout_seconds = 30
  receive_wait_time_seconds  = 20
}

resource "aws_cloudwatch_event_rule" "this" {
  name        = var.queue_name
  description = "Tasks and hosts of ${var.cluster_arn}"
  event_pattern = jsonencode({
    source        = ["aws.ecs"]
    "detail-type" = ["ECS Task State Change", "ECS Container Instance State Change"]
    detail        = { clusterArn = [var.cluster_arn] }
  })
}

resource "aws_cloudwatch_event_target" "this" {
  rule = aws_cloudwatch_event_rule.this.name
  arn  = aws_sqs_queue.this.arn
}

resource "aws_sqs_queue_policy" "this" {
  queue_url = aws_sqs_queue.this.url
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "EventBridge"
        Effect    = "Allow"
        Principal = { Service = "events.amazonaws.com" }
        Action    = "sqs:SendMessage"
        Resource  = aws_sqs_queue.this.arn
        Condition = { ArnEquals = { "aws:SourceArn" = aws_cloudwatch_event_rule.this.arn } }
      },
      {
        Sid       = "OnlyTLS"
        Effect    = "Deny"
        Principal = { AWS = "*" }
        Action    = "sqs:*"
        Resource  = aws_sqs_queue.this.arn
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      },
    ]
  })
}
