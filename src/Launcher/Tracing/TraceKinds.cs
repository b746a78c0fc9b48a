namespace Lguest.Jit.Launcher.Tracing;

/// <summary>What <c>--trace</c> writes down.</summary>
[Flags]
internal enum TraceKinds
{
    None = 0,

    /// <summary>Blocks as they are decoded, with their instructions.</summary>
    Blocks = 1,

    /// <summary>The IL of each region.</summary>
    Il = 2,

    /// <summary>The Host code of each region.</summary>
    Asm = 4,

    /// <summary>Each way out of a region.</summary>
    Exits = 8,

    /// <summary>Each trap and interrupt delivered.</summary>
    Traps = 16,
}
