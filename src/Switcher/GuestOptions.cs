namespace Lguest.Jit.Switcher;

/// <summary>What the Launcher decides about a Guest before it runs.</summary>
internal sealed record GuestOptions
{
    /// <summary>The second system call vector that lguest's module option allows (Plan 9: 0x40); 0x80 always is one.</summary>
    public int SyscallVector { get; init; } = 0x80;

    /// <summary>
    /// Deliver the traps that the Guest may take by itself where they happen (<c>--traps direct</c>), or all of them from the run loop?
    /// The Guest cannot tell.
    /// </summary>
    public bool DirectTraps { get; init; } = true;

    /// <summary>Does the Guest have SYSENTER (<c>--sysenter</c>)? lguest's did not.</summary>
    public bool Sysenter { get; init; }

    /// <summary>Instructions after which the run ends with <see cref="GuestEndKind.InstructionLimit"/>.</summary>
    public long MaxInstructions { get; init; } = long.MaxValue;
}
