namespace Lguest.Jit.Launcher.Loading;

/// <summary>Where a kernel was put and what it needs.</summary>
/// <param name="Format">"vmlinux" or "bzImage", for people.</param>
/// <param name="Entry">Guest-physical address of the first instruction.</param>
/// <param name="End">
/// First guest-physical address that the kernel will not use while it starts (its bss, or the room in which it unpacks
/// itself, included): an initrd must lie at or above it.
/// </param>
internal readonly record struct LoadedKernel(string Format, uint Entry, uint End);
