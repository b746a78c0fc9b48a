namespace Lguest.Jit.Launcher.Loading;

/// <summary>
/// The person at the keyboard gave something that cannot be booted. The message is one line, meant for them; the
/// program ends with exit code 2 and no stack trace.
/// </summary>
internal sealed class LoadException(string message) : Exception(message);
