namespace Lguest.Jit.Launcher.Virtio;

/// <summary>Of a terminal, in characters.</summary>
internal readonly record struct TerminalSize(ushort Columns, ushort Rows);
