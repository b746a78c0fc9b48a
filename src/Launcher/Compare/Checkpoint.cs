using Lguest.Jit.Launcher.Deterministic;
using Lguest.Jit.Switcher;

namespace Lguest.Jit.Launcher.Compare;

/// <summary>One Guest at one checkpoint.</summary>
/// <param name="Digest">All that it is.</param>
/// <param name="End">How it ended, if it did.</param>
internal readonly record struct Checkpoint(GuestDigest Digest, GuestEnd? End);
