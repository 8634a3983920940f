# What wakes somebody. Each says in its description what to look at; docs/deploy.md has the rest.

locals {
  target = { LoadBalancer = aws_lb.clients.arn_suffix, TargetGroup = aws_lb_target_group.clients.arn_suffix }
  task   = { ClusterName = var.cluster_name, ServiceName = aws_ecs_service.this.name }

  alarms = {
    no-gateway = {
      description = "No gateway is ready: no session can begin. /readyz and the log say why."
      namespace   = "AWS/ApplicationELB", metric = "HealthyHostCount", dimensions = local.target
      statistic   = "Maximum", comparison = "LessThanThreshold", threshold = 1, minutes = 2, missing = "breaching"
    }
    gateway-not-ready = {
      description = "A gateway has not been ready for a quarter of an hour. Its log says why."
      namespace   = "AWS/ApplicationELB", metric = "UnHealthyHostCount", dimensions = local.target
      statistic   = "Minimum", comparison = "GreaterThanThreshold", threshold = 0, minutes = 15, missing = "notBreaching"
    }
    gateway-errors = {
      description = "Gateways answered with 5xx: they refuse clients, or are overloaded."
      namespace   = "AWS/ApplicationELB", metric = "HTTPCode_Target_5XX_Count", dimensions = local.target
      statistic   = "Sum", comparison = "GreaterThanThreshold", threshold = 20, minutes = 5, missing = "notBreaching"
    }
    gateway-memory = {
      description = "Gateways use more than 85 % of their memory: more sessions than they were sized for."
      namespace   = "AWS/ECS", metric = "MemoryUtilization", dimensions = local.task
      statistic   = "Maximum", comparison = "GreaterThanThreshold", threshold = 85, minutes = 5, missing = "notBreaching"
    }
    gateway-cpu = {
      description = "Gateways use more than 80 % of their CPU."
      namespace   = "AWS/ECS", metric = "CPUUtilization", dimensions = local.task
      statistic   = "Average", comparison = "GreaterThanThreshold", threshold = 80, minutes = 10, missing = "notBreaching"
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "this" {
  for_each            = local.alarms
  alarm_name          = "${var.name}-${each.key}"
  alarm_description   = each.value.description
  namespace           = each.value.namespace
  metric_name         = each.value.metric
  dimensions          = each.value.dimensions
  statistic           = each.value.statistic
  comparison_operator = each.value.comparison
  threshold           = each.value.threshold
  period              = 60
  evaluation_periods  = each.value.minutes
  treat_missing_data  = each.value.missing
  alarm_actions       = [var.alarm_topic_arn]
  ok_actions          = [var.alarm_topic_arn]
}
