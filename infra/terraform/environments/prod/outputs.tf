output "deployment" {
  description = "Addresses and names, for the commands in docs/deploy.md."
  value       = module.hearth
}
