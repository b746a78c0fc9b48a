namespace Lguest.Jit.Launcher.Console;

/// <summary>The Guest that the monitor looks at. It stands still meanwhile.</summary>
internal interface IMonitorTarget
{
    /// <summary>Gets the Guest's thread to look for work soon. Any thread.</summary>
    void Knock();

    /// <summary>The table of <c>--stats</c>, so far.</summary>
    void WriteStatistics(TextWriter writer);

    /// <summary>Registers, lguest's state, the code around eip and the stack.</summary>
    void WriteState(TextWriter writer);

    /// <summary>The machine and its devices.</summary>
    void WriteMachine(TextWriter writer);
}
