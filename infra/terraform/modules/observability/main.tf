# Where the logs go, who is woken, and one dashboard.

terraform {
  required_providers {
    aws = { source = "hashicorp/aws", version = "~> 6.25" }
  }
}

data "aws_region" "this" {}

# The tasks' log has what agents write to standard error: a group of its own, with readers of its own.
resource "aws_cloudwatch_log_group" "this" {
  for_each          = toset(["gateway", "task"])
  name              = "/hearth/${var.name}/${each.key}"
  retention_in_days = var.log_retention_days
}

resource "aws_sns_topic" "alarms" {
  name = "${var.name}-alarms"
}

resource "aws_sns_topic_subscription" "mail" {
  for_each  = toset(var.alarm_emails)
  topic_arn = aws_sns_topic.alarms.arn
  protocol  = "email"
  endpoint  = each.value
}

# The gateway's log is JSON. What it counts here is a count of lines, and needs no scraper; /metrics has far more.
locals {
  lines = {
    errors       = { pattern = "{ $.level = \"error\" }", help = "The gateway logged errors." }
    start-failed = { pattern = "{ $.message = \"task did not become ready*\" }", help = "Tasks fail to start; the line's reason says why." }
    not-stopped  = { pattern = "{ $.message = \"task may still be running; stop it by hand\" }", help = "ECS could not be made to stop a task: it costs until somebody does." }
  }
  thresholds = { errors = 5, start-failed = 5, not-stopped = 0 }
}

resource "aws_cloudwatch_log_metric_filter" "this" {
  for_each       = local.lines
  name           = "${var.name}-${each.key}"
  log_group_name = aws_cloudwatch_log_group.this["gateway"].name
  pattern        = each.value.pattern
  metric_transformation {
    namespace     = "Hearth"
    name          = "${var.name}-${each.key}"
    value         = "1"
    default_value = "0"
  }
}

resource "aws_cloudwatch_metric_alarm" "lines" {
  for_each            = local.lines
  alarm_name          = "${var.name}-log-${each.key}"
  alarm_description   = each.value.help
  namespace           = "Hearth"
  metric_name         = "${var.name}-${each.key}"
  statistic           = "Sum"
  comparison_operator = "GreaterThanThreshold"
  threshold           = local.thresholds[each.key]
  period              = 300
  evaluation_periods  = 1
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.alarms.arn]
}

# Tasks that wait in PROVISIONING have no host: with the group at its maximum nobody is coming.
resource "aws_cloudwatch_metric_alarm" "hosts" {
  alarm_name          = "${var.name}-hosts-at-maximum"
  alarm_description   = "All ${var.max_hosts} hosts are in service: the next task without room waits in vain. Raise max_size, or find out who is here."
  namespace           = "AWS/AutoScaling"
  metric_name         = "GroupInServiceInstances"
  dimensions          = { AutoScalingGroupName = var.autoscaling_group_name }
  statistic           = "Minimum"
  comparison_operator = "GreaterThanOrEqualToThreshold"
  threshold           = var.max_hosts
  period              = 60
  evaluation_periods  = 10
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.alarms.arn]
}

resource "aws_cloudwatch_dashboard" "this" {
  dashboard_name = var.name
  dashboard_body = jsonencode({
    widgets = [
      for index, graph in [
        { title = "Gateways that are ready, or not", metrics = [
          ["AWS/ApplicationELB", "HealthyHostCount", "LoadBalancer", var.load_balancer_arn_suffix],
        ["AWS/ApplicationELB", "UnHealthyHostCount", "LoadBalancer", var.load_balancer_arn_suffix]] },
        { title = "Sockets of clients", metrics = [
        ["AWS/ApplicationELB", "ActiveConnectionCount", "LoadBalancer", var.load_balancer_arn_suffix]] },
        { title = "Hosts", metrics = [
          for metric in ["GroupInServiceInstances", "WarmPoolWarmedCapacity", "GroupPendingInstances"] :
        ["AWS/AutoScaling", metric, "AutoScalingGroupName", var.autoscaling_group_name]] },
        { title = "Gateways' CPU and memory, %", metrics = [
          for metric in ["CPUUtilization", "MemoryUtilization"] :
        ["AWS/ECS", metric, "ClusterName", var.cluster_name, "ServiceName", var.gateway_service_name]] },
        { title = "Lines in the gateways' log", metrics = [for name, line in local.lines : ["Hearth", "${var.name}-${name}"]] },
        { title = "File system, bytes a minute", metrics = [["AWS/EFS", "TotalIOBytes", "FileSystemId", var.file_system_id]] },
      ] :
      {
        type       = "metric", width = 12, height = 6, x = 12 * (index % 2), y = 6 * floor(index / 2)
        properties = { title = graph.title, region = data.aws_region.this.region, period = 60, stat = "Average", metrics = graph.metrics }
      }
    ]
  })
}
