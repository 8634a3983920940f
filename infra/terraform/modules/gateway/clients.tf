# The clients' way in.

locals {
  tls = var.certificate_arn != null
}

resource "aws_lb" "clients" {
  name                       = var.name
  load_balancer_type         = "application"
  internal                   = false
  subnets                    = var.public_subnet_ids
  security_groups            = [aws_security_group.load_balancer.id]
  drop_invalid_header_fields = true
  desync_mitigation_mode     = "defensive"
  enable_deletion_protection = var.deletion_protection

  # Sockets are pinged every 20 s. The gateway keeps idle connections for longer than this, so that the load balancer never
  # uses one that is being closed.
  idle_timeout = 60

  lifecycle {
    precondition {
      condition     = local.tls || !anytrue([for cidr in var.client_cidrs : can(regex("/0$", cidr))])
      error_message = "Without certificate_arn users' tokens go in the clear: client_cidrs must not be the whole Internet."
    }
  }
}

resource "aws_lb_target_group" "clients" {
  name             = "${var.name}-clients"
  port             = local.client_port
  protocol         = "HTTP"
  protocol_version = "HTTP1" # WebSockets
  target_type      = "ip"
  vpc_id           = var.vpc_id

  # ECS waits for this before SIGTERM, and sockets stay open until the gateway hands them over: waiting longer helps nobody.
  deregistration_delay = 10

  health_check {
    path                = "/readyz"
    matcher             = "200"
    interval            = 10
    timeout             = 5
    healthy_threshold   = 2
    unhealthy_threshold = 3
  }

  # A browser comes back to the gateway that has its session, for as long as that is there.
  stickiness {
    type            = "lb_cookie"
    enabled         = true
    cookie_duration = 86400
  }
}

resource "aws_lb_listener" "clients" {
  load_balancer_arn = aws_lb.clients.arn
  port              = local.tls ? 443 : 80
  protocol          = local.tls ? "HTTPS" : "HTTP"
  ssl_policy        = local.tls ? "ELBSecurityPolicy-TLS13-1-2-2021-06" : null
  certificate_arn   = var.certificate_arn

  default_action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.clients.arn
  }
}

# The clients' listener of a gateway has none of these. Should a setting ever change that, they are still not public.
resource "aws_lb_listener_rule" "internal" {
  listener_arn = aws_lb_listener.clients.arn
  priority     = 1
  action {
    type = "fixed-response"
    fixed_response {
      content_type = "text/plain"
      status_code  = "404"
    }
  }
  condition {
    path_pattern {
      values = ["/internal/*", "/metrics"]
    }
  }
}

resource "aws_lb_listener" "redirect" {
  count             = local.tls ? 1 : 0
  load_balancer_arn = aws_lb.clients.arn
  port              = 80
  protocol          = "HTTP"

  default_action {
    type = "redirect"
    redirect {
      port        = "443"
      protocol    = "HTTPS"
      status_code = "HTTP_301"
    }
  }
}

resource "aws_security_group" "load_balancer" {
  name_prefix = "${var.name}-clients-"
  description = "Clients of the gateway"
  vpc_id      = var.vpc_id

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_vpc_security_group_ingress_rule" "clients" {
  for_each = {
    for pair in setproduct(var.client_cidrs, local.tls ? [80, 443] : [80]) : "${pair[0]}:${pair[1]}" => { cidr = pair[0], port = pair[1] }
  }
  security_group_id = aws_security_group.load_balancer.id
  cidr_ipv4         = each.value.cidr
  ip_protocol       = "tcp"
  from_port         = each.value.port
  to_port           = each.value.port
}

resource "aws_vpc_security_group_egress_rule" "to_gateway" {
  security_group_id            = aws_security_group.load_balancer.id
  referenced_security_group_id = aws_security_group.gateway.id
  ip_protocol                  = "tcp"
  from_port                    = local.client_port
  to_port                      = local.client_port
}

resource "aws_security_group" "gateway" {
  name_prefix = "${var.name}-gateway-"
  description = "Gateways"
  vpc_id      = var.vpc_id

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_vpc_security_group_ingress_rule" "from_load_balancer" {
  security_group_id            = aws_security_group.gateway.id
  referenced_security_group_id = aws_security_group.load_balancer.id
  ip_protocol                  = "tcp"
  from_port                    = local.client_port
  to_port                      = local.client_port
}

# Bridges, and nothing else, reach the internal listener.
resource "aws_vpc_security_group_ingress_rule" "from_tasks" {
  security_group_id            = aws_security_group.gateway.id
  referenced_security_group_id = var.task_security_group_id
  ip_protocol                  = "tcp"
  from_port                    = local.internal_port
  to_port                      = local.internal_port
}

# ECS, the key set, the log.
resource "aws_vpc_security_group_egress_rule" "from_gateway" {
  security_group_id = aws_security_group.gateway.id
  ip_protocol       = "-1"
  cidr_ipv4         = "0.0.0.0/0"
}
