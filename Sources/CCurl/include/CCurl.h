// CCurl: libcurl for Swift. Swift cannot call variadic C functions, so each shape of argument gets one typed function
// here. No logic: whatever is decided, is decided in Transport.

#ifndef LAYERD_CCURL_H
#define LAYERD_CCURL_H

// The type-checking macros of curl.h would stand in front of the functions of the same name.
#ifndef CURL_DISABLE_TYPECHECK
#define CURL_DISABLE_TYPECHECK
#endif
#include <curl/curl.h>

CURLcode ccurl_set_long(CURL *handle, CURLoption option, long value);
CURLcode ccurl_set_offset(CURL *handle, CURLoption option, curl_off_t value);
CURLcode ccurl_set_string(CURL *handle, CURLoption option, const char *value);
CURLcode ccurl_set_pointer(CURL *handle, CURLoption option, void *value);
CURLcode ccurl_set_list(CURL *handle, CURLoption option, struct curl_slist *value);
CURLcode ccurl_set_write_callback(CURL *handle, CURLoption option, curl_write_callback value);
CURLcode ccurl_set_socket_callback(CURL *handle, CURLoption option, curl_opensocket_callback value);

CURLcode ccurl_get_long(CURL *handle, CURLINFO info, long *value);
CURLcode ccurl_get_offset(CURL *handle, CURLINFO info, curl_off_t *value);
CURLcode ccurl_get_string(CURL *handle, CURLINFO info, char **value);

CURLMcode ccurl_multi_set_long(CURLM *multi, CURLMoption option, long value);

#endif
