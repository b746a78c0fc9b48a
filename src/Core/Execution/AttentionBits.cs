namespace Lguest.Jit.Core.Execution;

/// <summary>What <c>GuestCpu.Attention</c> can say, beside that somebody wants the Switcher.</summary>
internal static class AttentionBits
{
    /// <summary>
    /// Alone: only the engine itself is wanted, by its compiler thread. It never leaves to the Switcher for it, so that when
    /// something has been compiled cannot be seen from outside.
    /// </summary>
    public const int Engine = 1 << 30;
}
