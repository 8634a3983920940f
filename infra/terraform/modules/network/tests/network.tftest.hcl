mock_provider "aws" {
  mock_data "aws_availability_zones" {
    defaults = { names = ["us-east-1a", "us-east-1b", "us-east-1c"] }
  }
}

variables {
  name         = "hearth-test"
  nat_gateways = 2
}

run "two_ways_out" {
  assert {
    condition     = length(aws_nat_gateway.this) == 2 && length(aws_route.nat) == 2
    error_message = "each zone has its own way out"
  }
  assert {
    condition     = length(toset(concat(aws_subnet.public[*].cidr_block, aws_subnet.private[*].cidr_block))) == 4 && length(toset(aws_subnet.private[*].availability_zone)) == 2
    error_message = "four subnets in two zones"
  }
}

run "one_way_out" {
  command = plan
  variables {
    nat_gateways = 1
  }
  assert {
    condition     = length(aws_nat_gateway.this) == 1 && length(aws_route.nat) == 2
    error_message = "both private subnets leave by the one NAT gateway"
  }
}

run "none" {
  command = plan
  variables {
    nat_gateways = 0
  }
  expect_failures = [var.nat_gateways]
}
