namespace Lguest.Jit.Core.State;

/// <summary>
/// What the Guest thread is doing, in <see cref="GuestCpu.Tier"/>: written where it changes, which is rarely; read by whoever
/// samples it from another thread to find out where the time goes.
/// </summary>
internal enum ExecutionTier
{
    /// <summary>In the Switcher, or in a device.</summary>
    Switcher,

    /// <summary>Decoding and interpreting; also translated code that nobody watches (<c>--stats</c> and <c>--trace exits</c> do).</summary>
    Interpreter,

    /// <summary>In a region, helpers and page walks that it calls included.</summary>
    Translated,

    /// <summary>Choosing, installing and freeing regions; compiling them only where everything is compiled before it runs.</summary>
    Translator,

    /// <summary>Halted: the thread sleeps.</summary>
    Waiting,
}
